"""What is allowed on this machine: a policy file, what holds by it, and who may do more than a visitor."""

"""What lets a hospital allow this: the offline lock, the audit trail, redaction, forgetting and the policy."""

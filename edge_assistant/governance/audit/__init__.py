"""What was done, in rows that nobody can change, take out or put in without it being seen."""

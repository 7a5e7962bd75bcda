"""What a front end uses: the assistant, a conversation, dictation, export, health checks."""

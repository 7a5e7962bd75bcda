"""Claims of written pages: forms, receipts, plates and labels."""

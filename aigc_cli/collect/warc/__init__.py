"""Web archives: compressed members, the records in them, and the HTTP messages in those."""

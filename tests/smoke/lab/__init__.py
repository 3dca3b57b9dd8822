"""What the labs are made of: networks, name servers, phones, edges, and the counting of what happened."""

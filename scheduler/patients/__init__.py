"""Who is treated, what they agreed to, and what to ask before needling."""

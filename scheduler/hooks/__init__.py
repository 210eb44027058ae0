"""HTTP routes that the carrier calls: replies and delivery reports. May import the domain."""

"""The pages of the waitlist and of its offers. May import booking and site."""

"""The pages of the booking form, from the treatment to the confirmed course. May import site."""

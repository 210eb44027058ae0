"""Patient pages that work in any browser, without JavaScript."""

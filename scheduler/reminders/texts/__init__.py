"""The default reminder rules and templates. May import i18n."""

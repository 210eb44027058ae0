"""Operations that span all domain packages. May import the domain."""

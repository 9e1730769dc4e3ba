import old.a

import old.b

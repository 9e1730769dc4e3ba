import new.a

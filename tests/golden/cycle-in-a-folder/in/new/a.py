import new.b

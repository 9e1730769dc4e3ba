import new.c

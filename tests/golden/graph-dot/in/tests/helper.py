X = open('say "hi".txt/..')

import above

"""Why an answer is as it is: one walk as a story, as a timeline, and as a tree of spans."""

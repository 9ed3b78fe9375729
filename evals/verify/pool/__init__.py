"""The grader of many responses: worker processes that survive hostile input."""

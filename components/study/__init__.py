"""A study: many trainings on the same data, which compare kinds of regularization and their strengths."""

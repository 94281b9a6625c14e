"""The notifier for e-mail. It is a page of code on purpose: this is all that a notifier takes."""

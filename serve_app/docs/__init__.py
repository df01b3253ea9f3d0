"""The pages for people: a pointer at /, and the API reference without any third party."""

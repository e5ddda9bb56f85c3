"""The small languages that operators bring along from Apache: expressions, header rules, variables, log formats.

Each module reads a text once into an object that can be asked again and again; a text that cannot be read raises
`panolb.errors.LanguageError` with a sentence.  Standard library only, and pure, so that the configuration can check
what the data plane will run.
"""

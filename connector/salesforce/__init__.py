"""Everything that knows Salesforce: login and calls, both ways of upserting, what its answers and objects mean.

Values in, values out: nothing here keeps state or decides what to send. `connect` logs in and calls, `collections` and
`ingest` are the two ways of delivery, `csv_file` writes what an ingest job uploads, `results` reads what became of each
row, `hints` says it to a person, `describe` holds a mapping against the object it writes to.
"""

"""Both services simulated: WSGI applications over seeded data, with faults on demand.

Nothing here knows the rest of the package: the sandbox states what the services do, not what the connector
expects. `clock`, `faults` and `adapter` are shared; `contact_centre` makes the data, `world` keeps it,
`genesys` and `salesforce` answer the calls.
"""

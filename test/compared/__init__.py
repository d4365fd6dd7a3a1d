"""Real agents with and without ccsproxy between them and a mock of all providers: ``make test-clients``.

`run` makes a network namespace, in it a mock that answers for every name (`server`, `routes`, `wires`), starts each
program of `programs` in several ways, compares what the mock saw (`differences`), judges the records (`judging`), and
writes the results from which the table of agents in the documentation is made.
"""

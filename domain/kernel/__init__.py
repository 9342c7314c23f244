"""The shared kernel: messages, mediator, behaviours, aggregates, errors and values of every slice."""

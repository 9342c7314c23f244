"""From a GraphQL field to one message: thin functions that send, and the limits on what may be asked."""

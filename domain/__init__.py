"""What Wherry is about: messages, aggregates, events, views and the pure logic between them."""

"""What the world can see and ask: the domain's shapes, exposed to GraphQL in place."""

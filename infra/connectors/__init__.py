"""One folder per engine; `registry` names them, the modules beside it are what they share."""

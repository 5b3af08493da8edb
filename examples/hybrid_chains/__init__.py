"""When a hybrid array costs accuracy."""

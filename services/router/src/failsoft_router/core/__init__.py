"""The router's judgement: pure functions and state machines, no clock, no I/O."""

"""OpenVINO GenAI: the engine for machines without a GPU.

Its `step()` holds the GIL, so the pipeline runs in a child process of its own.

    engine   the Engine port; knows requests and tokens
    process  starts and ends the child, carries frames over a socket pair
    protocol the messages of both directions
    child    the child's own main
    runner   the pipeline in the child } the only modules that import OpenVINO
    forms    tries a form beside it    }
    trials   has that done in a thread, and waits no longer than it is worth
    writable finds a place where OpenVINO may open the model's file
    pieces   cuts texts, because OpenVINO's tokenizer keeps the first 8192 tokens and says nothing
"""

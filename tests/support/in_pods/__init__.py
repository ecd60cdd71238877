"""Programs that run in pods of a cluster, beside what is tested there.

They are zipped with the provider look-alike and run in the router's own image, so they import
what that has and nothing else: grpc, aiohttp, our protos. No other image is needed.

Each pod finds in its environment:

    ROUTER    host name of the router's Service
    HEADLESS  host name of the one that has every router's own address
    KEY       an API key
"""

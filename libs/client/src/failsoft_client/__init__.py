"""A thin Python client of Failsoft, for threads and for asyncio."""

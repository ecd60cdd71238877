"""RouterAdminService: what an operator sees and does."""

from failsoft_router.api.rpc.admin.servicer import AdminServicer

__all__ = ["AdminServicer"]

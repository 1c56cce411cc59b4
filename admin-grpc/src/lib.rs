//! admin-grpc

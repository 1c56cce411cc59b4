//! provisiond

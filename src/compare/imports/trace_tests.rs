//! Small trees, and which modules in them can be imported.

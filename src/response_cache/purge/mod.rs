pub(super) mod apply;

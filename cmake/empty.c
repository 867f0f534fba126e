/* A shared library wants a source of its own; everything comes from partrain_core. */
typedef int nothing;

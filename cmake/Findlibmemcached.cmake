# Finds libmemcached; defines the imported target libmemcached::libmemcached. Works without pkg-config, which only gives hints.
find_package(PkgConfig QUIET)
if(PKG_CONFIG_FOUND)
    pkg_check_modules(PC_libmemcached QUIET libmemcached)
endif()
find_path(libmemcached_INCLUDE_DIR NAMES libmemcached/memcached.h HINTS ${PC_libmemcached_INCLUDE_DIRS})
find_library(libmemcached_LIBRARY NAMES memcached HINTS ${PC_libmemcached_LIBRARY_DIRS})
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(libmemcached REQUIRED_VARS libmemcached_LIBRARY libmemcached_INCLUDE_DIR)
if(libmemcached_FOUND AND NOT TARGET libmemcached::libmemcached)
    add_library(libmemcached::libmemcached UNKNOWN IMPORTED)
    set_target_properties(libmemcached::libmemcached PROPERTIES
        IMPORTED_LOCATION "${libmemcached_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${libmemcached_INCLUDE_DIR}")
endif()
mark_as_advanced(libmemcached_INCLUDE_DIR libmemcached_LIBRARY)

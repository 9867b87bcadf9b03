# The package: find_package(tiercel COMPONENTS core redis ...) and pkg-config tiercel-core, tiercel-redis, ...
include_guard(GLOBAL)
include(CMakePackageConfigHelpers)

set(TIERCEL_CMAKE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/tiercel)

# tiercel_install_module(<name> PUBLIC <library>... PRIVATE <library>...)
# Installs the module, and what tells its users which packages it needs: those of its PUBLIC libraries always, those of
# its PRIVATE ones only where it is a static library.
function(tiercel_install_module name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "PUBLIC;PRIVATE")
    set(include_dir ${CMAKE_INSTALL_INCLUDEDIR}/tiercel/${name})
    install(TARGETS tiercel_${name} EXPORT tiercel-${name}
        RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR}
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
        FILE_SET HEADERS DESTINATION ${include_dir})
    install(EXPORT tiercel-${name} NAMESPACE tiercel:: DESTINATION ${TIERCEL_CMAKE_DIR})

    set(libraries ${arg_PUBLIC})
    get_target_property(type tiercel_${name} TYPE)
    if(type STREQUAL "STATIC_LIBRARY")
        list(APPEND libraries ${arg_PRIVATE})
    endif()
    list(FILTER libraries EXCLUDE REGEX "BUILD_INTERFACE")
    set(modules "")
    set(packages "")
    set(pc_requires "")
    set(pc_requires_private "")
    foreach(library IN LISTS libraries)
        string(REGEX REPLACE "::.*" "" package ${library})
        if(package STREQUAL "tiercel")
            string(REGEX REPLACE ".*::" "" module ${library})
            list(APPEND modules ${module})
            list(APPEND pc_requires tiercel-${module})
            continue()
        endif()
        if(package STREQUAL "SQLite") # SQLite::SQLite3 is the only target not named for its package
            set(package SQLite3)
        endif()
        list(APPEND packages ${package})
        if(package STREQUAL "GTest")
            list(APPEND pc_requires gtest)
        elseif(package MATCHES "^(zstd|xxHash)$")
            string(TOLOWER lib${package} pc_name)
            list(APPEND pc_requires_private ${pc_name})
        elseif(package STREQUAL "SQLite3")
            list(APPEND pc_requires_private sqlite3)
        elseif(package STREQUAL "OpenSSL")
            list(APPEND pc_requires_private openssl)
        elseif(NOT package MATCHES "^(Boost|Threads)$") # Boost has no .pc file; for threads there is -pthread
            list(APPEND pc_requires_private ${package})
        endif()
    endforeach()

    configure_file(${PROJECT_SOURCE_DIR}/cmake/module-dependencies.cmake.in
        ${PROJECT_BINARY_DIR}/package/tiercel-${name}-dependencies.cmake @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/package/tiercel-${name}-dependencies.cmake DESTINATION ${TIERCEL_CMAKE_DIR})

    list(JOIN pc_requires ", " pc_requires)
    list(JOIN pc_requires_private ", " pc_requires_private)
    file(RELATIVE_PATH pc_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
    configure_file(${PROJECT_SOURCE_DIR}/cmake/module.pc.in
        ${PROJECT_BINARY_DIR}/package/tiercel-${name}.pc @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/package/tiercel-${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endfunction()

# tiercel_install_package(): what the modules share; once, at the top.
function(tiercel_install_package)
    configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/tiercelConfig.cmake.in
        ${PROJECT_BINARY_DIR}/package/tiercelConfig.cmake
        INSTALL_DESTINATION ${TIERCEL_CMAKE_DIR})
    write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/tiercelConfigVersion.cmake
        COMPATIBILITY SameMinorVersion)
    install(FILES
        ${PROJECT_BINARY_DIR}/package/tiercelConfig.cmake
        ${PROJECT_BINARY_DIR}/package/tiercelConfigVersion.cmake
        ${PROJECT_SOURCE_DIR}/cmake/Findhiredis.cmake
        ${PROJECT_SOURCE_DIR}/cmake/Findlibmemcached.cmake
        ${PROJECT_SOURCE_DIR}/cmake/FindxxHash.cmake
        ${PROJECT_SOURCE_DIR}/cmake/Findzstd.cmake
        DESTINATION ${TIERCEL_CMAKE_DIR})
endfunction()

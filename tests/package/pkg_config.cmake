# Compiles, links and runs the consumers with nothing but what pkg-config says of the install in PREFIX.
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
set(ENV{PKG_CONFIG_PATH} ${PREFIX}/${LIBDIR}/pkgconfig)
set(link "")
if(KIND STREQUAL "static")
    set(link --static)
endif()

# consume(<program> <source> <package>...)
function(consume program source)
    execute_process(COMMAND ${PKG_CONFIG} --cflags ${ARGN}
        OUTPUT_VARIABLE compile_flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND ${PKG_CONFIG} ${link} --libs ${ARGN}
        OUTPUT_VARIABLE link_flags OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    separate_arguments(compile_flags UNIX_COMMAND "${compile_flags}")
    separate_arguments(link_flags UNIX_COMMAND "${link_flags}")
    execute_process(COMMAND ${COMPILER} -std=c++20 ${compile_flags} ${DEFINES} ${CMAKE_CURRENT_LIST_DIR}/${source}
        -o ${WORK}/${program} ${link_flags} -Wl,-rpath,${PREFIX}/${LIBDIR} COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND ${WORK}/${program} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

consume(consumer consumer.cpp tiercel-core tiercel-memory_backend tiercel-zstd)
string(REPLACE "," ";" MODULES "${MODULES}")
if(MODULES)
    set(packages "")
    set(DEFINES "")
    foreach(module IN LISTS MODULES)
        list(APPEND packages tiercel-${module})
        string(TOUPPER ${module} upper)
        list(APPEND DEFINES -DWITH_${upper})
    endforeach()
    consume(servers servers/consumer.cpp ${packages})
endif()

# libpartrain, shared and static, with partrain.h, a pkg-config file and a CMake package.
#
# Both are made of partrain_core. The shared one exports what partrain.h marks. For the static one all objects become
# one, in which every other symbol is local, so that it brings no name into a program that does not begin with pt_.
add_library(partrain_shared SHARED cmake/empty.c)
set_target_properties(partrain_shared PROPERTIES
  OUTPUT_NAME partrain EXPORT_NAME partrain VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR})
target_link_libraries(partrain_shared PRIVATE
  -Wl,--whole-archive partrain_core -Wl,--no-whole-archive)
target_include_directories(partrain_shared INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)

set(static_library ${CMAKE_CURRENT_BINARY_DIR}/libpartrain.a)
add_custom_command(OUTPUT ${static_library}
  COMMAND ${CMAKE_LINKER} -r --whole-archive $<TARGET_FILE:partrain_core> -o partrain.o
  COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=pt_* partrain.o
  COMMAND ${CMAKE_COMMAND} -E rm -f ${static_library}
  COMMAND ${CMAKE_AR} qc ${static_library} partrain.o
  COMMAND ${CMAKE_RANLIB} ${static_library}
  DEPENDS partrain_core VERBATIM)
add_custom_target(partrain_static ALL DEPENDS ${static_library})

install(TARGETS partrain_shared EXPORT partrainTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES ${static_library} DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(FILES include/partrain.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/partrain)
install(EXPORT partrainTargets NAMESPACE partrain:: FILE partrainTargets.cmake DESTINATION ${package_folder})
configure_package_config_file(cmake/partrainConfig.cmake.in partrainConfig.cmake INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(partrainConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/partrainConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/partrainConfigVersion.cmake
  DESTINATION ${package_folder})

# What a program must link besides the static library: the outside libraries themselves, as shared ones.
if(EXISTS "${PARTRAIN_BLAS}")
  set(blas_private "${PARTRAIN_BLAS}")
elseif(CMAKE_INSTALL_RPATH)
  set(blas_private "-L${CMAKE_INSTALL_RPATH} -Wl,-rpath,${CMAKE_INSTALL_RPATH} -lopenblas")
else()
  list(JOIN BLAS_LDFLAGS " " blas_private)
endif()
foreach(library HWLOC YAML ARCHIVE JANSSON XXHASH)
  list(JOIN ${library}_LDFLAGS " " flags)
  string(APPEND outside "${flags} ")
endforeach()
# The files find their prefix by where they lie, so that an installed tree can be moved. pkg-config's --static adds
# Libs.private and still says -lpartrain, for which the linker takes the shared library: the static one has its own file.
file(RELATIVE_PATH up ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(cmake/partrain.pc.in partrain.pc @ONLY)
configure_file(cmake/partrain-static.pc.in partrain-static.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/partrain.pc ${CMAKE_CURRENT_BINARY_DIR}/partrain-static.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

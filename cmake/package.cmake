# Man pages and completions, made by the program from its own tables, and packages by CPack.
file(STRINGS src/cli/commands.def command_rows REGEX "^COMMAND\\(")
set(manual ${CMAKE_CURRENT_BINARY_DIR}/manual)
set(manual_files ${manual}/partrain.1 ${manual}/partrain.bash ${manual}/_partrain ${manual}/partrain.fish)
set(manual_commands
  COMMAND $<TARGET_FILE:partrain> help --man > ${manual}/partrain.1
  COMMAND $<TARGET_FILE:partrain> help --completion bash > ${manual}/partrain.bash
  COMMAND $<TARGET_FILE:partrain> help --completion zsh > ${manual}/_partrain
  COMMAND $<TARGET_FILE:partrain> help --completion fish > ${manual}/partrain.fish)
set(man_pages ${manual}/partrain.1)
foreach(row ${command_rows})
  string(REGEX REPLACE "^COMMAND\\(([a-z]+),.*" "\\1" name "${row}")
  list(APPEND man_pages ${manual}/partrain-${name}.1)
  list(APPEND manual_files ${manual}/partrain-${name}.1)
  list(APPEND manual_commands COMMAND $<TARGET_FILE:partrain> help --man ${name} > ${manual}/partrain-${name}.1)
endforeach()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS src/cli/commands.def)
add_custom_command(OUTPUT ${manual_files}
  COMMAND ${CMAKE_COMMAND} -E make_directory ${manual} ${manual_commands} DEPENDS partrain)
add_custom_target(partrain_manual ALL DEPENDS ${manual_files})

install(FILES ${man_pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${manual}/partrain.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME partrain)
install(FILES ${manual}/_partrain DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES ${manual}/partrain.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(DIRECTORY conf/ DESTINATION ${CMAKE_INSTALL_DATADIR}/partrain/conf FILES_MATCHING PATTERN "*.yaml")

# The documents as they lie here, so that their links hold: beside them the licence, and conf as a link to what programs read.
install(FILES README.md CONTRIBUTING.md CHANGELOG.md SECURITY.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR}
  FILES_MATCHING PATTERN "*.md" PATTERN "*.svg" PATTERN "recommend.*")
file(RELATIVE_PATH conf_from_docs ${CMAKE_INSTALL_FULL_DOCDIR} ${CMAKE_INSTALL_FULL_DATADIR}/partrain/conf)
install(CODE "
  set(link \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_DOCDIR}/conf\")
  file(REMOVE \"\${link}\")
  file(CREATE_LINK ${conf_from_docs} \"\${link}\" SYMBOLIC)")

# python3-partrain, beside the .deb of everything else; `cmake --install --component python` installs it alone.
install(DIRECTORY src/python/partrain DESTINATION lib/python3/dist-packages COMPONENT python EXCLUDE_FROM_ALL
  FILES_MATCHING PATTERN "*.py" PATTERN "py.typed" PATTERN "__pycache__" EXCLUDE)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME partrain)
set(CPACK_PACKAGE_CONTACT "partrain <dev@partrain.invalid>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS libopenblas0-openmp)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_COMPONENTS_ALL Unspecified python)
set(CPACK_DEBIAN_UNSPECIFIED_PACKAGE_NAME partrain)
set(CPACK_DEBIAN_PYTHON_PACKAGE_NAME python3-partrain)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SECTION python)
set(CPACK_DEBIAN_PYTHON_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS "partrain (= ${PROJECT_VERSION}), python3:any, python3-numpy")
set(CPACK_COMPONENT_PYTHON_DESCRIPTION "partrain's models from Python")
include(CPack)

"""Who may do what with images, under upstream's names."""

from __future__ import annotations

from welkin.core.policy import Rule

ADMIN = "role:admin"
MEMBER = f"{ADMIN} or (role:member and project_id:%(project_id)s)"
READER = f"{ADMIN} or (role:reader and project_id:%(project_id)s)"
_SEEN = (
    "(project_id:%(project_id)s or project_id:%(member_id)s or 'community':%(visibility)s"
    " or 'public':%(visibility)s or 'shared':%(visibility)s)"
)
SHARED_READER = f"{ADMIN} or (role:reader and (project_id:%(project_id)s or project_id:%(member_id)s))"

ADD_IMAGE = Rule(
    "add_image",
    f"{ADMIN} or (role:member and project_id:%(project_id)s and project_id:%(owner)s)",
    "Create an image.",
)
GET_IMAGE = Rule("get_image", f"{ADMIN} or (role:reader and {_SEEN})", "Show an image.")
GET_IMAGES = Rule("get_images", READER, "List images.")
MODIFY_IMAGE = Rule("modify_image", MEMBER, "Change an image.")
DELETE_IMAGE = Rule("delete_image", MEMBER, "Delete an image.")
PUBLICIZE_IMAGE = Rule("publicize_image", ADMIN, "Show an image to every project.")
COMMUNITIZE_IMAGE = Rule("communitize_image", MEMBER, "Let every project use an image that it knows the id of.")
UPLOAD_IMAGE = Rule("upload_image", MEMBER, "Upload an image's data.")
DOWNLOAD_IMAGE = Rule("download_image", f"{ADMIN} or (role:member and {_SEEN})", "Download an image's data.")
DEACTIVATE = Rule("deactivate", MEMBER, "Stop downloads of an image.")
REACTIVATE = Rule("reactivate", MEMBER, "Allow downloads of an image again.")

ADD_MEMBER = Rule("add_member", MEMBER, "Share an image with a project.")
DELETE_MEMBER = Rule("delete_member", MEMBER, "Stop sharing an image with a project.")
GET_MEMBER = Rule("get_member", SHARED_READER, "Show a project with which an image is shared.")
GET_MEMBERS = Rule("get_members", SHARED_READER, "List the projects with which an image is shared.")
MODIFY_MEMBER = Rule(
    "modify_member", f"{ADMIN} or (role:member and project_id:%(member_id)s)", "Accept or reject a shared image."
)

GET_TASK = Rule("get_task", "@", "Show a task.")
GET_TASKS = Rule("get_tasks", "@", "List tasks.")
TASKS_API_ACCESS = Rule("tasks_api_access", ADMIN, "Use the tasks API at all.")
STORES_INFO_DETAIL = Rule("stores_info_detail", f"{ADMIN} or role:service", "Show how the stores are set up.")
DISCOVERY = Rule("welkin:image:discovery", "@", "Learn what this cloud's image service can do.")

_NAMESPACE = f"{ADMIN} or (role:reader and (project_id:%(project_id)s or 'public':%(visibility)s))"
GET_NAMESPACE = Rule("get_metadef_namespace", _NAMESPACE, "Show a namespace of metadata definitions.")
GET_NAMESPACES = Rule("get_metadef_namespaces", READER, "List namespaces of metadata definitions.")
MODIFY_NAMESPACE = Rule("modify_metadef_namespace", ADMIN, "Change a namespace of metadata definitions.")
ADD_NAMESPACE = Rule("add_metadef_namespace", ADMIN, "Create a namespace of metadata definitions.")
DELETE_NAMESPACE = Rule("delete_metadef_namespace", ADMIN, "Delete a namespace of metadata definitions.")
LIST_RESOURCE_TYPES = Rule("list_metadef_resource_types", "role:admin or role:reader", "List kinds of resources.")
GET_RESOURCE_TYPE = Rule("get_metadef_resource_type", _NAMESPACE, "List the kinds of resources of a namespace.")
ADD_ASSOCIATION = Rule("add_metadef_resource_type_association", ADMIN, "Say what a namespace is for.")
REMOVE_ASSOCIATION = Rule("remove_metadef_resource_type_association", ADMIN, "Take back what a namespace is for.")
GET_OBJECT = Rule("get_metadef_object", _NAMESPACE, "Show an object's definition.")
GET_OBJECTS = Rule("get_metadef_objects", _NAMESPACE, "List objects' definitions.")
ADD_OBJECT = Rule("add_metadef_object", ADMIN, "Define an object.")
MODIFY_OBJECT = Rule("modify_metadef_object", ADMIN, "Change an object's definition.")
DELETE_OBJECT = Rule("delete_metadef_object", ADMIN, "Delete an object's definition.")
GET_PROPERTY = Rule("get_metadef_property", _NAMESPACE, "Show a property's definition.")
GET_PROPERTIES = Rule("get_metadef_properties", _NAMESPACE, "List properties' definitions.")
ADD_PROPERTY = Rule("add_metadef_property", ADMIN, "Define a property.")
MODIFY_PROPERTY = Rule("modify_metadef_property", ADMIN, "Change a property's definition.")
REMOVE_PROPERTY = Rule("remove_metadef_property", ADMIN, "Delete a property's definition.")
GET_TAG = Rule("get_metadef_tag", _NAMESPACE, "Show a tag's definition.")
GET_TAGS = Rule("get_metadef_tags", _NAMESPACE, "List tags' definitions.")
ADD_TAG = Rule("add_metadef_tag", ADMIN, "Define a tag.")
ADD_TAGS = Rule("add_metadef_tags", ADMIN, "Define several tags.")
MODIFY_TAG = Rule("modify_metadef_tag", ADMIN, "Change a tag's definition.")
DELETE_TAG = Rule("delete_metadef_tag", ADMIN, "Delete a tag's definition.")
DELETE_TAGS = Rule("delete_metadef_tags", ADMIN, "Delete every tag's definition.")

RULES = tuple(value for value in list(globals().values()) if isinstance(value, Rule))

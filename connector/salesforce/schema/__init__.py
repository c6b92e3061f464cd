"""What a stream needs in Salesforce, made from its mapping: fields, objects, a permission set; files, deploy, diff.

`plan` says what is needed, `components` writes it as the Metadata API spells it, `files` lays it out as a project
folder or a package, `differences` holds it against an org, `deploy` brings it there.
"""

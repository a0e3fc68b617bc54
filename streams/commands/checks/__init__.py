"""What `vpcflow check` tries.

`plan` chooses the parts of the system by the settings that are given (pure); `trials` tries each of them.
"""

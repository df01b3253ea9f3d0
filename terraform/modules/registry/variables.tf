variable "repositories" {
  description = "Names of the repositories."
  type        = set(string)
}

variable "kms_key_arn" {
  description = "Key of the images."
  type        = string
}

variable "keep_images" {
  description = "Images that each repository keeps; older ones go."
  type        = number
  default     = 30

  validation {
    condition     = var.keep_images >= 5
    error_message = "keep_images: 5 or more, or a rollback has nothing to go back to."
  }
}

variable "force_delete" {
  description = "Whether a repository with images may be deleted. Of development alone."
  type        = bool
  default     = false
}
